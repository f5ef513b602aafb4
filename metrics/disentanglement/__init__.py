"""How far the dimensions of a code stand for one factor of the data each, by four published measures.

They compare codes with factors that are known. None of them says whether a code is used (see `latent_statistics`), nor
how well a factor can be told from the whole of it (see `probes`).
"""

from metrics.disentanglement.dci import DCI, dci, dci_of_importance
from metrics.disentanglement.information import discretise, factor_information
from metrics.disentanglement.mig import mig
from metrics.disentanglement.modularity import modularity
from metrics.disentanglement.sap import sap

__all__ = ["DCI", "dci", "dci_of_importance", "discretise", "factor_information", "mig", "modularity", "sap"]
