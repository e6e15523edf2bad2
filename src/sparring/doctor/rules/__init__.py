"""The rules, one a file: wiring (SP1), setup (SP2), data (SP3), balance (SP4), stability (SP5).

They import no torch: pure functions of facts.
"""
