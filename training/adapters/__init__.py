"""Public household panels read into the register, so that the method can be judged on real people."""
