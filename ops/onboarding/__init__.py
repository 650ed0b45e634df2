"""Bringing a company in from its old system: files to checked records to history. R112-R120"""
