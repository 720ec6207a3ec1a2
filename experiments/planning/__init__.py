"""`oversight plan`: how many cases a comparison needs, or what it can show."""
