"""The papers: their figures and tables made again, their theorems' bounds beside exact values, their images."""
