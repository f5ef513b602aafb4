"""Parameters that a network has, but that what is made of it does not depend on."""

from torch import Tensor, nn
from torch.autograd.graph import Node


def leave_out_unused(network: nn.Module, output: Tensor) -> None:
    """Train no parameter of a network that an output of it does not depend on.

    None of them would get a gradient, which data-parallel training would wait for.

    Args:
        network: A network; where it is frozen nothing changes.
        output: Computed by it just now, with gradients.
    """
    used = _leaves(output.grad_fn)
    for parameter in network.parameters():
        parameter.requires_grad_(parameter in used and parameter.requires_grad)


def _leaves(root: Node | None) -> set[Tensor]:
    """Return the tensors that gradients of a node of the graph end in."""
    leaves, seen, nodes = set(), {root}, [root]
    while nodes:
        node = nodes.pop()
        if node is None:
            continue
        if hasattr(node, "variable"):
            leaves.add(node.variable)
        following = {after for after, _ in node.next_functions} - seen
        seen |= following
        nodes += following
    return leaves
