from patent_spark.stages.score.plan import key_ranges


def test_partitions_hold_whole_blocks_up_to_the_limit():
    plan = key_ranges([(3, 40), (4, 60), (9, 1), (1_000_000_000, 100)], 100)
    assert [(each.number, each.rows, each.first, each.last) for each in plan.partitions] == [
        (0, 100, 3 * 1024, 5 * 1024 - 1),
        (1, 1, 9 * 1024, 10 * 1024 - 1),
        (2, 100, 1_000_000_000 * 1024, 1_000_000_001 * 1024 - 1),
    ]
    assert plan.rows == 201


def test_a_block_above_the_limit_is_a_partition_of_its_own():
    assert [each.rows for each in key_ranges([(0, 5), (1, 1000), (2, 5)], 100).partitions] == [5, 1000, 5]


def test_nothing_is_no_partition():
    assert key_ranges([], 100).partitions == ()
