"""How an operator reaches the program while it runs: OSC in, and keys of the terminal; both give commands."""
