"""What real releases look like, as figures: the calibration of the simulator.

All counts are of public data: patents, citations made, citation lags and five-year forward citations by grant year of
PatentsView with data to 2025-09-30; class sizes as in the paper's Appendix B (its 125 classes in sorted order).
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

FIRST_DAY, LAST_DAY = datetime.date(1976, 1, 6), datetime.date(2025, 9, 30)
"""First and last grant day: patents are granted on Tuesdays."""


class Year(NamedTuple):
    """One grant year of utility patents; lags in days, from grant to grant."""

    year: int
    patents: int
    mean_backward: float
    median_backward: float
    mean_lag: float
    median_lag: float
    mean_forward: float
    """Citations within five years, among patents with any."""
    median_forward: float


# From 2021 the five-year window is open; the forward mean of those years is an extrapolation.
# fmt: off
YEARS = (
    Year(1976, 70199, 4.92, 4.0, 5458.9, 3065.0, 2.53, 2.0),
    Year(1977, 65206, 5.07, 5.0, 5552.8, 3068.0, 2.61, 2.0),
    Year(1978, 66074, 5.12, 5.0, 5594.2, 3136.0, 2.55, 2.0),
    Year(1979, 48839, 5.26, 5.0, 5668.4, 3198.0, 2.59, 2.0),
    Year(1980, 61807, 5.65, 5.0, 5796.4, 3355.0, 2.56, 2.0),
    Year(1981, 65771, 5.91, 5.0, 5741.8, 3438.0, 2.67, 2.0),
    Year(1982, 57874, 6.06, 5.0, 5774.7, 3531.0, 2.85, 2.0),
    Year(1983, 56861, 6.14, 5.0, 5766.2, 3587.0, 3.01, 2.0),
    Year(1984, 67212, 6.31, 5.0, 5917.7, 3735.0, 3.14, 2.0),
    Year(1985, 71665, 6.56, 5.0, 5931.2, 3818.0, 3.34, 2.0),
    Year(1986, 70863, 6.67, 5.0, 5993.1, 3897.0, 3.48, 2.0),
    Year(1987, 82943, 6.95, 6.0, 5890.5, 3869.0, 3.64, 3.0),
    Year(1988, 77936, 7.19, 6.0, 5786.9, 3809.0, 3.68, 3.0),
    Year(1989, 95566, 7.55, 6.0, 5700.8, 3734.0, 3.6, 2.0),
    Year(1990, 90421, 7.56, 6.0, 5680.3, 3629.0, 3.75, 3.0),
    Year(1991, 96561, 7.67, 6.0, 5594.8, 3535.0, 3.83, 3.0),
    Year(1992, 97473, 8.02, 6.0, 5479.0, 3361.0, 4.06, 3.0),
    Year(1993, 98385, 8.32, 6.0, 5368.0, 3229.0, 4.35, 3.0),
    Year(1994, 101695, 8.9, 7.0, 5331.2, 3185.0, 4.71, 3.0),
    Year(1995, 101432, 9.43, 7.0, 5266.5, 3145.0, 5.01, 3.0),
    Year(1996, 109654, 9.89, 7.0, 5155.9, 3136.0, 5.4, 3.0),
    Year(1997, 112020, 10.34, 7.0, 5156.9, 3188.0, 5.44, 3.0),
    Year(1998, 147576, 10.55, 7.0, 4956.3, 3116.0, 5.59, 3.0),
    Year(1999, 153592, 10.81, 7.0, 4939.8, 3125.0, 5.58, 3.0),
    Year(2000, 157595, 11.42, 7.0, 4841.2, 3069.0, 5.41, 3.0),
    Year(2001, 166158, 11.95, 8.0, 4698.2, 3017.0, 5.29, 3.0),
    Year(2002, 167400, 12.97, 8.0, 4587.4, 2979.0, 5.04, 3.0),
    Year(2003, 169077, 13.4, 8.0, 4537.1, 2954.0, 4.81, 3.0),
    Year(2004, 164384, 14.09, 8.0, 4451.9, 2900.0, 4.58, 3.0),
    Year(2005, 143891, 15.11, 8.0, 4603.4, 3033.0, 4.49, 2.0),
    Year(2006, 173822, 16.26, 8.0, 4740.9, 3182.0, 4.74, 3.0),
    Year(2007, 157331, 16.58, 8.0, 4780.3, 3306.0, 4.76, 2.0),
    Year(2008, 157788, 16.72, 8.0, 4904.3, 3505.0, 4.78, 2.0),
    Year(2009, 167463, 18.01, 8.0, 5044.6, 3723.0, 5.04, 2.0),
    Year(2010, 219848, 19.36, 7.0, 5368.7, 4047.0, 5.21, 3.0),
    Year(2011, 224871, 20.29, 7.0, 5420.4, 4235.0, 5.23, 2.0),
    Year(2012, 253633, 19.69, 7.0, 5554.1, 4441.0, 5.4, 2.0),
    Year(2013, 278518, 20.14, 6.0, 5706.8, 4657.0, 5.56, 2.0),
    Year(2014, 301643, 20.19, 6.0, 5812.7, 4846.0, 5.7, 2.0),
    Year(2015, 299382, 19.49, 5.0, 5861.4, 4941.0, 5.74, 2.0),
    Year(2016, 304126, 18.59, 5.0, 6008.5, 5100.0, 5.83, 2.0),
    Year(2017, 320003, 19.27, 5.0, 6123.3, 5259.0, 6.0, 2.0),
    Year(2018, 308853, 19.07, 5.0, 6192.2, 5322.0, 6.05, 2.0),
    Year(2019, 355923, 20.15, 4.0, 6180.9, 5334.0, 6.4, 2.0),
    Year(2020, 353701, 20.04, 4.0, 6170.3, 5214.0, 5.81, 2.0),
    Year(2021, 329097, 19.99, 4.0, 6184.9, 5154.0, 6.0, 2.0),
    Year(2022, 324698, 19.32, 3.0, 6213.5, 5024.0, 6.0, 2.0),
    Year(2023, 313707, 21.28, 3.0, 6285.0, 4954.0, 6.0, 2.0),
    Year(2024, 325602, 19.99, 3.0, 6400.1, 5040.0, 6.0, 2.0),
    Year(2025, 245406, 17.01, 3.0, 6549.6, 5140.0, 6.0, 2.0),
)
# fmt: on


class CpcClass(NamedTuple):
    """A CPC class, its patents in the paper's large test set, and what it is about."""

    code: str
    patents: int
    title: str


# fmt: off
CLASSES = (
    CpcClass("A01", 81474, "Agriculture and fishing"),
    CpcClass("A21", 4023, "Baking"),
    CpcClass("A22", 4369, "Butchering"),
    CpcClass("A23", 20884, "Food treatment"),
    CpcClass("A24", 6259, "Tobacco"),
    CpcClass("A41", 10284, "Garments"),
    CpcClass("A42", 3671, "Headwear"),
    CpcClass("A43", 9283, "Footwear"),
    CpcClass("A44", 6726, "Haberdashery and jewellery"),
    CpcClass("A45", 16397, "Hand and travelling articles"),
    CpcClass("A46", 4134, "Brushes"),
    CpcClass("A47", 72757, "Furniture and household articles"),
    CpcClass("A61", 411278, "Medicine and hygiene"),
    CpcClass("A62", 7839, "Life-saving and fire-fighting"),
    CpcClass("A63", 71811, "Sports and games"),
    CpcClass("B01", 87163, "Physical and chemical processes"),
    CpcClass("B02", 5044, "Crushing and milling"),
    CpcClass("B03", 4579, "Separation of solids"),
    CpcClass("B04", 2736, "Centrifuges"),
    CpcClass("B05", 22369, "Spraying and coating"),
    CpcClass("B06", 1992, "Mechanical vibrations"),
    CpcClass("B07", 4582, "Sorting"),
    CpcClass("B08", 5675, "Cleaning"),
    CpcClass("B09", 1780, "Waste disposal"),
    CpcClass("B21", 19320, "Metal forming without cutting"),
    CpcClass("B22", 14145, "Casting and powder metallurgy"),
    CpcClass("B23", 49371, "Machine tools"),
    CpcClass("B24", 16204, "Grinding and polishing"),
    CpcClass("B25", 28884, "Hand tools and manipulators"),
    CpcClass("B26", 11177, "Cutting"),
    CpcClass("B27", 6627, "Woodworking"),
    CpcClass("B28", 4371, "Cement, clay and stone working"),
    CpcClass("B29", 48252, "Plastics working"),
    CpcClass("B30", 3905, "Presses"),
    CpcClass("B31", 2876, "Paper articles"),
    CpcClass("B32", 23804, "Layered products"),
    CpcClass("B33", 512, "Additive manufacturing"),
    CpcClass("B41", 65203, "Printing"),
    CpcClass("B42", 7668, "Bookbinding and filing"),
    CpcClass("B43", 4268, "Writing and drawing"),
    CpcClass("B44", 3918, "Decorative arts"),
    CpcClass("B60", 153756, "Vehicles in general"),
    CpcClass("B61", 7466, "Railways"),
    CpcClass("B62", 42956, "Land vehicles"),
    CpcClass("B63", 19918, "Ships"),
    CpcClass("B64", 23695, "Aircraft and spacecraft"),
    CpcClass("B65", 109829, "Conveying, packing and storing"),
    CpcClass("B66", 14853, "Hoisting and lifting"),
    CpcClass("B67", 8051, "Bottling and liquid handling"),
    CpcClass("B68", 720, "Saddlery and upholstery"),
    CpcClass("B81", 4887, "Microstructures"),
    CpcClass("B82", 13344, "Nanotechnology"),
    CpcClass("C01", 17204, "Inorganic chemistry"),
    CpcClass("C02", 15573, "Water treatment"),
    CpcClass("C03", 15276, "Glass"),
    CpcClass("C04", 17615, "Ceramics and concrete"),
    CpcClass("C05", 2608, "Fertilisers"),
    CpcClass("C06", 2375, "Explosives and matches"),
    CpcClass("C07", 226399, "Organic chemistry"),
    CpcClass("C08", 105183, "Polymers"),
    CpcClass("C09", 54140, "Dyes, paints and adhesives"),
    CpcClass("C10", 27168, "Petroleum and fuels"),
    CpcClass("C11", 15312, "Oils and detergents"),
    CpcClass("C12", 75620, "Biochemistry and genetics"),
    CpcClass("C13", 869, "Sugar"),
    CpcClass("C14", 570, "Leather"),
    CpcClass("C21", 7100, "Iron metallurgy"),
    CpcClass("C22", 16063, "Alloys and non-ferrous metallurgy"),
    CpcClass("C23", 25060, "Coating of metals"),
    CpcClass("C25", 12096, "Electrolytic processes"),
    CpcClass("C30", 6430, "Crystal growth"),
    CpcClass("C40", 677, "Combinatorial chemistry"),
    CpcClass("D01", 9104, "Threads and spinning"),
    CpcClass("D02", 2557, "Yarns and warping"),
    CpcClass("D03", 3825, "Weaving"),
    CpcClass("D04", 6848, "Braiding and knitting"),
    CpcClass("D05", 5618, "Sewing"),
    CpcClass("D06", 16022, "Textile treatment"),
    CpcClass("D07", 832, "Ropes"),
    CpcClass("D21", 13260, "Paper making"),
    CpcClass("E01", 12164, "Roads and bridges"),
    CpcClass("E02", 16389, "Hydraulic engineering and foundations"),
    CpcClass("E03", 9331, "Water supply and sewerage"),
    CpcClass("E04", 37910, "Building"),
    CpcClass("E05", 23645, "Locks and hinges"),
    CpcClass("E06", 11948, "Doors, windows and ladders"),
    CpcClass("E21", 46438, "Drilling and mining"),
    CpcClass("F01", 44758, "Engines in general"),
    CpcClass("F02", 68241, "Combustion engines"),
    CpcClass("F03", 9326, "Wind and water machines"),
    CpcClass("F04", 30764, "Pumps"),
    CpcClass("F15", 7358, "Fluid-pressure actuators"),
    CpcClass("F16", 141583, "Machine elements"),
    CpcClass("F17", 3633, "Storing of gases"),
    CpcClass("F21", 24711, "Lighting"),
    CpcClass("F22", 2026, "Steam generation"),
    CpcClass("F23", 15522, "Combustion"),
    CpcClass("F24", 20470, "Heating and ventilating"),
    CpcClass("F25", 18655, "Refrigeration"),
    CpcClass("F26", 3964, "Drying"),
    CpcClass("F27", 4545, "Furnaces"),
    CpcClass("F28", 12287, "Heat exchange"),
    CpcClass("F41", 21381, "Weapons"),
    CpcClass("F42", 9165, "Ammunition and blasting"),
    CpcClass("G01", 305209, "Measuring and testing"),
    CpcClass("G02", 133375, "Optics"),
    CpcClass("G03", 121631, "Photography and holography"),
    CpcClass("G04", 7312, "Clocks"),
    CpcClass("G05", 41269, "Controlling"),
    CpcClass("G06", 550145, "Computing"),
    CpcClass("G07", 32810, "Checking devices"),
    CpcClass("G08", 26970, "Signalling"),
    CpcClass("G09", 54261, "Education and display"),
    CpcClass("G10", 33232, "Musical instruments and speech"),
    CpcClass("G11", 139254, "Information storage"),
    CpcClass("G12", 165, "Instrument details"),
    CpcClass("G16", 4763, "Applied informatics"),
    CpcClass("G21", 11382, "Nuclear physics"),
    CpcClass("H01", 543745, "Electric elements"),
    CpcClass("H02", 106375, "Electric power"),
    CpcClass("H03", 102615, "Electronic circuits"),
    CpcClass("H04", 598050, "Communication"),
    CpcClass("H05", 75341, "Other electric techniques"),
    CpcClass("Y02", 17, "Climate technologies"),
    CpcClass("Y10", 72, "Former classifications"),
)
# fmt: on

ZERO_SHARES = ((1976, 0.36), (1985, 0.30), (1995, 0.22), (2000, 0.20), (2004, 0.19))
"""Share of patents without a citation within five years, before 2005; an estimate, linear in between."""

OVERALL_FORWARD = 3.7
"""Mean five-year citations of all patents from 2005 on (3.6 to 3.8); with the mean among cited it gives the zero share."""

SECTION_FORWARD = {
    "A": 1.1,
    "B": 0.85,
    "C": 0.75,
    "D": 0.75,
    "E": 0.95,
    "F": 0.85,
    "G": 1.2,
    "H": 1.05,
    "Y": 1.0,
}
"""How strongly a section is cited, relative to all; moderate, because labels are made within a class."""

OLD_NUMBERS = (1, 100_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 3_930_270)
OLD_NUMBER_YEARS = (1836.5, 1870.2, 1893.5, 1911.6, 1935.3, 1961.7, 1976.0)
"""When utility patents before the data's beginning were granted."""
