"""Customs declarations: from lines of files to annual flows."""
