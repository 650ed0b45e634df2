"""Load as it comes at the end of a month, with the limits that it is held to."""
