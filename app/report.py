"""stub"""
def report_html(**k): return "<html></html>"
