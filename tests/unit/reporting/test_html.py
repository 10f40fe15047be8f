from patent_spark.reporting.html import number, share, signed


def test_numbers_as_a_person_reads_them():
    assert [number(value) for value in (0.1234, -0.1236, -0.0004, None)] == ["0.123", "-0.124", "0.000", "–"]
    assert [share(value) for value in (0.714, -0.0004, 0.0, None)] == ["71.4 %", "0.0 %", "0.0 %", "–"]


def test_a_difference_has_a_sign_unless_it_is_rounded_to_nothing():
    assert [signed(value) for value in (0.0371, -0.0371, 0.0004, -0.0004, 0.0, None)] == [
        "+0.037",
        "−0.037",
        "0.000",
        "0.000",
        "0.000",
        "–",
    ]
    assert [signed(value, points=True) for value in (0.0371, -0.0371, -0.0004, None)] == [
        "+3.7",
        "−3.7",
        "0.0",
        "–",
    ]
    assert signed(-0.00004, digits=4) == "0.0000"
