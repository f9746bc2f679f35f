"""Where the service keeps what it knows: the register, the lists of scores and the access tokens."""
