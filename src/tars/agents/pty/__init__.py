"""Any program that has a screen and no protocol."""
