"""The leakage check: is the answer in the data? Names fields known only after the event, or too perfect."""

from riskloom.training.leakage.check import check_leakage as check_leakage
from riskloom.training.leakage.finding import LeakageReport as LeakageReport
