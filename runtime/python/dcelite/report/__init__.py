"""The kit of reports: tables for the terminal, Markdown and CSV; charts as SVG; pages that need nothing else."""
