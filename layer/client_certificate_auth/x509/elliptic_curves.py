"""The elliptic curves that OpenSSL 3.0 knows by name, with data for those that client certificates have in practice."""

from __future__ import annotations

# By dotted OID: OpenSSL's short name, NIST's name (FIPS 186-4) and the length of the order in bits.
# ``tests/integration/layer/test_openssl.py`` compares the table with the OpenSSL on the machine.
NAMED_CURVES: dict[str, tuple[str, str | None, int]] = {
    "1.3.132.0.6": ("secp112r1", None, 112),
    "1.3.132.0.7": ("secp112r2", None, 110),
    "1.3.132.0.28": ("secp128r1", None, 128),
    "1.3.132.0.29": ("secp128r2", None, 126),
    "1.3.132.0.9": ("secp160k1", None, 161),
    "1.3.132.0.8": ("secp160r1", None, 161),
    "1.3.132.0.30": ("secp160r2", None, 161),
    "1.3.132.0.31": ("secp192k1", None, 192),
    "1.3.132.0.32": ("secp224k1", None, 225),
    "1.3.132.0.33": ("secp224r1", "P-224", 224),
    "1.3.132.0.10": ("secp256k1", None, 256),
    "1.3.132.0.34": ("secp384r1", "P-384", 384),
    "1.3.132.0.35": ("secp521r1", "P-521", 521),
    "1.2.840.10045.3.1.1": ("prime192v1", "P-192", 192),
    "1.2.840.10045.3.1.2": ("prime192v2", None, 192),
    "1.2.840.10045.3.1.3": ("prime192v3", None, 192),
    "1.2.840.10045.3.1.4": ("prime239v1", None, 239),
    "1.2.840.10045.3.1.5": ("prime239v2", None, 239),
    "1.2.840.10045.3.1.6": ("prime239v3", None, 239),
    "1.2.840.10045.3.1.7": ("prime256v1", "P-256", 256),
    "1.3.132.0.4": ("sect113r1", None, 113),
    "1.3.132.0.5": ("sect113r2", None, 113),
    "1.3.132.0.22": ("sect131r1", None, 131),
    "1.3.132.0.23": ("sect131r2", None, 131),
    "1.3.132.0.1": ("sect163k1", "K-163", 163),
    "1.3.132.0.2": ("sect163r1", None, 162),
    "1.3.132.0.15": ("sect163r2", "B-163", 163),
    "1.3.132.0.24": ("sect193r1", None, 193),
    "1.3.132.0.25": ("sect193r2", None, 193),
    "1.3.132.0.26": ("sect233k1", "K-233", 232),
    "1.3.132.0.27": ("sect233r1", "B-233", 233),
    "1.3.132.0.3": ("sect239k1", None, 238),
    "1.3.132.0.16": ("sect283k1", "K-283", 281),
    "1.3.132.0.17": ("sect283r1", "B-283", 282),
    "1.3.132.0.36": ("sect409k1", "K-409", 407),
    "1.3.132.0.37": ("sect409r1", "B-409", 409),
    "1.3.132.0.38": ("sect571k1", "K-571", 570),
    "1.3.132.0.39": ("sect571r1", "B-571", 570),
    "1.2.840.10045.3.0.1": ("c2pnb163v1", None, 163),
    "1.2.840.10045.3.0.2": ("c2pnb163v2", None, 162),
    "1.2.840.10045.3.0.3": ("c2pnb163v3", None, 162),
    "1.2.840.10045.3.0.4": ("c2pnb176v1", None, 161),
    "1.2.840.10045.3.0.5": ("c2tnb191v1", None, 191),
    "1.2.840.10045.3.0.6": ("c2tnb191v2", None, 190),
    "1.2.840.10045.3.0.7": ("c2tnb191v3", None, 189),
    "1.2.840.10045.3.0.10": ("c2pnb208w1", None, 193),
    "1.2.840.10045.3.0.11": ("c2tnb239v1", None, 238),
    "1.2.840.10045.3.0.12": ("c2tnb239v2", None, 237),
    "1.2.840.10045.3.0.13": ("c2tnb239v3", None, 236),
    "1.2.840.10045.3.0.16": ("c2pnb272w1", None, 257),
    "1.2.840.10045.3.0.17": ("c2pnb304w1", None, 289),
    "1.2.840.10045.3.0.18": ("c2tnb359v1", None, 353),
    "1.2.840.10045.3.0.19": ("c2pnb368w1", None, 353),
    "1.2.840.10045.3.0.20": ("c2tnb431r1", None, 418),
    "2.23.43.1.4.1": ("wap-wsg-idm-ecid-wtls1", None, 112),
    "2.23.43.1.4.3": ("wap-wsg-idm-ecid-wtls3", None, 163),
    "2.23.43.1.4.4": ("wap-wsg-idm-ecid-wtls4", None, 113),
    "2.23.43.1.4.5": ("wap-wsg-idm-ecid-wtls5", None, 163),
    "2.23.43.1.4.6": ("wap-wsg-idm-ecid-wtls6", None, 112),
    "2.23.43.1.4.7": ("wap-wsg-idm-ecid-wtls7", None, 161),
    "2.23.43.1.4.8": ("wap-wsg-idm-ecid-wtls8", None, 113),
    "2.23.43.1.4.9": ("wap-wsg-idm-ecid-wtls9", None, 161),
    "2.23.43.1.4.10": ("wap-wsg-idm-ecid-wtls10", None, 232),
    "2.23.43.1.4.11": ("wap-wsg-idm-ecid-wtls11", None, 233),
    "2.23.43.1.4.12": ("wap-wsg-idm-ecid-wtls12", None, 224),
    "1.3.36.3.3.2.8.1.1.1": ("brainpoolP160r1", None, 160),
    "1.3.36.3.3.2.8.1.1.2": ("brainpoolP160t1", None, 160),
    "1.3.36.3.3.2.8.1.1.3": ("brainpoolP192r1", None, 192),
    "1.3.36.3.3.2.8.1.1.4": ("brainpoolP192t1", None, 192),
    "1.3.36.3.3.2.8.1.1.5": ("brainpoolP224r1", None, 224),
    "1.3.36.3.3.2.8.1.1.6": ("brainpoolP224t1", None, 224),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", None, 256),
    "1.3.36.3.3.2.8.1.1.8": ("brainpoolP256t1", None, 256),
    "1.3.36.3.3.2.8.1.1.9": ("brainpoolP320r1", None, 320),
    "1.3.36.3.3.2.8.1.1.10": ("brainpoolP320t1", None, 320),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", None, 384),
    "1.3.36.3.3.2.8.1.1.12": ("brainpoolP384t1", None, 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", None, 512),
    "1.3.36.3.3.2.8.1.1.14": ("brainpoolP512t1", None, 512),
}

# By short name: the prime p and the coefficients a and b of y² = x³ + ax + b (SEC 2 §2 and RFC 5639 §3).
PRIME_CURVES: dict[str, tuple[int, int, int]] = {
    "prime192v1": (2**192 - 2**64 - 1, -3, 0x64210519E59C80E70FA7E9AB72243049FEB8DEECC146B9B1),
    "secp224r1": (2**224 - 2**96 + 1, -3, 0xB4050A850C04B3ABF54132565044B0B7D7BFD8BA270B39432355FFB4),
    "secp256k1": (2**256 - 2**32 - 977, 0, 7),
    "prime256v1": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        -3,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    "secp384r1": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        -3,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    "secp521r1": (
        2**521 - 1,
        -3,
        int(
            "51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109"
            "E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00",
            16,
        ),
    ),
    "brainpoolP256r1": (
        0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377,
        0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9,
        0x26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6,
    ),
    "brainpoolP384r1": (
        0x8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B412B1DA197FB71123ACD3A729901D1A71874700133107EC53,
        0x7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826,
        0x4A8C7DD22CE28268B39B55416F0447C2FB77DE107DCD2A62E880EA53EEB62D57CB4390295DBC9943AB78696FA504C11,
    ),
    "brainpoolP512r1": (
        int(
            "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330871"
            "7D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3",
            16,
        ),
        int(
            "7830A3318B603B89E2327145AC234CC594CBDD8D3DF91610A83441CAEA9863BC"
            "2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CA",
            16,
        ),
        int(
            "3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A7"
            "2BF2C7B9E7C1AC4D77FC94CADC083E67984050B75EBAE5DD2809BD638016F723",
            16,
        ),
    ),
}

# By short name: the x-coordinate of the base point.
BASE_POINTS: dict[str, int] = {
    "prime192v1": 0x188DA80EB03090F67CBF20EB43A18800F4FF0AFD82FF1012,
    "secp224r1": 0xB70E0CBD6BB4BF7F321390B94A03C1D356C21122343280D6115C1D21,
    "secp256k1": 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    "prime256v1": 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    "secp384r1": 0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    "secp521r1": int(
        "C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3D"
        "BAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66",
        16,
    ),
    "brainpoolP256r1": 0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
    "brainpoolP384r1": int(
        "1D1C64F068CF45FFA2A63A81B7C13F6B8847A3E77EF14FE3DB7FCAFE0CBD10E8E826E03436D646AAEF87B2E247D4AF1E",
        16,
    ),
    "brainpoolP512r1": int(
        "81AEE4BDD82ED9645A21322E9C4C6A9385ED9F70B5D916C1B43B62EEF4D0098E"
        "FF3B1F78E2D0D48D50D1687B93B97D5F7C6D5047406A5E688B352209BCB9F822",
        16,
    ),
}
