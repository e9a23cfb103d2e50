"""Group normalization in place of batch normalization, under which the samples of a batch depend on each other."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

# Of the channels of a layer, where they divide by it; else the largest number below that they divide by.
GROUPS = 8


def use_group_norm(module: nn.Module) -> None:
    """Replace every batch normalization of a module, in place; no random number is drawn.

    Source: Wu & He, "Group Normalization", ECCV 2018, with fewer groups, since layers here have few channels.
    """
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            channels = child.num_features
            groups = next(groups for groups in range(GROUPS, 0, -1) if channels % groups == 0)
            setattr(module, name, nn.GroupNorm(groups, channels))
        else:
            use_group_norm(child)
