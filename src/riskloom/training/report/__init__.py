"""The report of a training run: an HTML page that needs nothing but itself, and a model card."""

from riskloom.training.report.card import render_model_card as render_model_card
from riskloom.training.report.evaluation import Evaluation as Evaluation
from riskloom.training.report.page import render_report as render_report
from riskloom.training.report.write import write_report as write_report
