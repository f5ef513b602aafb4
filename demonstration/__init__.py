"""What demo.py is made of: what it answers, which needs no browser, and the page that shows it."""
