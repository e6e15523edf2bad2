"""What the monitor is made of: numbers from whatever people have, the steps they tell, who is updated, and its file."""
