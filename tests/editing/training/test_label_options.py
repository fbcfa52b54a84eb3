"""How many members has the branch of a family's bundle?"""

from editing.training.assemble import label_options


def test_a_recipe_may_ask_for_fewer_members_at_one_side_only():
    assert label_options("portraits", 64).fit.num_members == 4
    assert label_options("portraits", 128).fit.num_members == 10
