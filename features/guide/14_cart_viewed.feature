Feature: 14 Cart Viewed/Cart Page View
  "Insider One receives the track event named Cart Viewed in the Ecommerce spec, divides the products
  into events, and registers each product within the spec as a separate event by the Cart Page View
  event name."

  Rule: "Within these events, Insider One also maps the properties into the event parameters as follows"

    @documented
    Scenario Outline: <Parameter on Segment> is mapped to <Mapping on Insider One>, in <parameter>
      When Ada does "Cart Viewed" with:
        | property              | value                        |
        | cart_id               | c-9                          |
        | currency              | EUR                          |
        | products.0.product_id | mug                          |
        | products.0.category   | Kitchen                      |
        | products.0.name       | Mug                          |
        | products.0.price      | 8.50                         |
        | products.0.image_url  | https://shop.example/mug.jpg |
        | products.0.url        | https://shop.example/mug     |
      Then Insider One receives exactly these events for Ada:
        | event_name     | <parameter> |
        | cart_page_view | <value>     |

      Examples: Cart Viewed/Cart Page View
        | Parameter on Segment | Mapping on Insider One      | value                        | parameter         |
        | product_id           | product ID                  | mug                          | product_id        |
        | product.category     | taxonomy                    | ["Kitchen"]                  | taxonomy          |
        | product.name         | name (Product Name)         | Mug                          | name              |
        | product.price        | unit price, unit sale price | 8.50                         | unit_price        |
        | product.price        | unit price, unit sale price | 8.50                         | unit_sale_price   |
        | product.image_url    | product image url           | https://shop.example/mug.jpg | product_image_url |
        | product.url          | url                         | https://shop.example/mug     | url               |
        | currency             | currency                    | EUR                          | currency          |
        | cart_id              | event group ID              | c-9                          | event_group_id    |

    @documented
    Scenario: All of them in one event
      When Ada does "Cart Viewed" with:
        | property              | value                        |
        | cart_id               | c-9                          |
        | currency              | EUR                          |
        | products.0.product_id | mug                          |
        | products.0.category   | Kitchen                      |
        | products.0.name       | Mug                          |
        | products.0.price      | 8.50                         |
        | products.0.image_url  | https://shop.example/mug.jpg |
        | products.0.url        | https://shop.example/mug     |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name     | event_group_id | currency | product_id | taxonomy    | name | unit_price | unit_sale_price | product_image_url            | url                      |
        | cart_page_view | c-9            | EUR      | mug        | ["Kitchen"] | Mug  | 8.50       | 8.50            | https://shop.example/mug.jpg | https://shop.example/mug |

  Rule: each product is a separate event

    @documented
    Scenario: A cart of two products
      When Ada views cart "c-9" in EUR:
        | product_id | price |
        | mug        | 8.50  |
        | tray       | 21.00 |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name     | event_group_id | currency | product_id | unit_price | unit_sale_price |
        | cart_page_view | c-9            | EUR      | mug        | 8.50       | 8.50            |
        | cart_page_view | c-9            | EUR      | tray       | 21.00      | 21.00           |

    @observed
    Scenario: An empty cart is no event
      When Ada does "Cart Viewed" with:
        | property | value |
        | cart_id  | c-9   |
        | currency | EUR   |
        | products | []    |
      Then Insider One receives no events for Ada

  Rule: "any other property within this event is registered as a custom event parameter, which you can configure under the event parameters mapping section"

    @documented
    Scenario: A property of a product that is configured
      When Ada views cart "c-9" in EUR:
        | product_id | price | sku    |
        | mug        | 8.50  | MUG-01 |
      Then Insider One receives exactly these events for Ada:
        | event_name     | product_id | custom.sku |
        | cart_page_view | mug        | MUG-01     |

    @observed
    Scenario: A property that is not configured does not arrive
      When Ada views cart "c-9" in EUR:
        | product_id | price | glaze |
        | mug        | 8.50  | salt  |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name     | event_group_id | currency | product_id | unit_price | unit_sale_price |
        | cart_page_view | c-9            | EUR      | mug        | 8.50       | 8.50            |
