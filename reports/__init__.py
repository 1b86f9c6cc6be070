"""The report: measurement rows in, pages, tables and pictures out.

Reads the rows that ``cost`` joined and computes nothing itself. May import ``errors``, ``store``,
``formats``, ``units`` and ``cost``; only ``cli`` imports it.
"""

from hwmodel.reports.builder import build_report

__all__ = ["build_report"]
