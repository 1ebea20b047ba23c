"""Forms about groups."""

from django.utils.translation import gettext_lazy as _

from accessctl.forms.people import name_field, remark_field
from kmsconsole.forms import WireForm


class GroupForm(WireForm):
    """Name and remark of a group."""

    Name = name_field(_("Name"))
    Remark = remark_field(_("What its members have in common."))
