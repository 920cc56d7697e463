"""The analyst's view: Streamlit pages that read a server through `riskloom.client` and nothing else.

Pages live in `views/`; what they show is made by plain functions (`words`, `markup`, `charts`) that take
values and return values, so that they are tested without a browser.
"""
