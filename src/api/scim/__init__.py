"""SCIM 2.0: a company's directory says who its people are and who has left."""
