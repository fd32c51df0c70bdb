"""Times crate-iscc beside its peers, from the data that it makes to the tables that it prints.

`workloads` says what is timed, `payload` makes it, `peers` finds the programs, `contenders` says
how each is run (`commands`, `launch`, `libraries`), `measuring` runs them all in rounds, and
`targets`, `tables` and `plot` tell what came out of it on which `machine`.
"""
