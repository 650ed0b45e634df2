"""How many fractional digits each currency has: ISO 4217:2015, table A.1, as of 1 January 2026.

Funds codes, metals, bond units and test codes are not here: nobody is paid in them. A currency
that is withdrawn stays, with the day it ended as a comment: old payouts still name it.
"""

from domain.kernel import Refused

TABLE_VERSION = "2026-01-01"
"""Raise it with every change below, so that an old result can say which table it used."""

_CODES_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
        "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
        "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "
        "ANG "  # until 31 March 2025, then XCG
        "BGN "  # until 31 December 2025, then EUR
        "CUC "  # until 31 December 2020, then CUP
        "HRK "  # until 31 December 2022, then EUR
        "SLL "  # until 31 March 2024, then SLE
        "ZWL"  # until 31 August 2024, then ZWG
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}

DIGITS: dict[str, int] = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}


def digits_of(currency: str) -> int:
    """Fractional digits of a currency: JPY 0, CNY 2, KWD 3.

    Raises:
        Refused: `unknown-currency`.
    """
    try:
        return DIGITS[currency]
    except KeyError:
        raise Refused(
            "unknown-currency", "The currency must be an ISO 4217 code that people are paid in."
        ) from None
