"""Signal processing as pure functions on float32 arrays, compiled by numba: no state, clock, log or I/O."""
