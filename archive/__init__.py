"""``dcelite archive``: any number of photographs, on one machine or on a cluster, by Ray."""
