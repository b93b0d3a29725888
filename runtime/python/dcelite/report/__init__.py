"""The kit that reports are made of: tables for the terminal, Markdown and CSV; charts as SVG; pages that need nothing else."""
