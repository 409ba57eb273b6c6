"""The doors: a package for each audience. A GET renders, a POST calls one service; no rule of the trade lives here."""
