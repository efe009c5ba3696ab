"""A server that tells strangers nothing of its customers."""

from .house import House

SETTINGS = {"workers": 0, "hide_customers": True}


def test_d42_the_list_of_customers_may_be_closed(house: House) -> None:
    admin = house.a_customer(administrator=True)
    assert house.get("/customers", auth=None).status_code == 401
    (mine,) = house.get("/customers").json()["member"]
    assert mine["@id"] == f"{house.url}/customers/{house.customer.number}"
    assert house.get("/customers", of=admin).json()["totalItems"] == 3
    assert house.get("/", auth=None).status_code == 200
