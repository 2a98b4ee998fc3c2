Feature: 15 Order Completed/Purchase
  "Insider One receives the track event named Order Completed in the Ecommerce spec, divides the
  products into events, and registers each product within the spec as a separate event by the Purchase
  (confirmation page view) event name."

  Rule: "Within these events, Insider One also maps the properties into the event parameters as follows"

    @documented
    Scenario Outline: <Parameter on Segment> is mapped to <Mapping on Insider One>, in <parameter>
      When Ada does "Order Completed" with:
        | property              | value                        |
        | order_id              | o-17                         |
        | currency              | EUR                          |
        | products.0.product_id | mug                          |
        | products.0.category   | Kitchen                      |
        | products.0.name       | Mug                          |
        | products.0.price      | 8.50                         |
        | products.0.quantity   | 2                            |
        | products.0.image_url  | https://shop.example/mug.jpg |
        | products.0.url        | https://shop.example/mug     |
      Then Insider One receives exactly these events for Ada:
        | event_name             | <parameter> |
        | confirmation_page_view | <value>     |

      Examples: Order Completed/Purchase
        | Parameter on Segment | Mapping on Insider One      | value                        | parameter         |
        | product_id           | product ID                  | mug                          | product_id        |
        | product.category     | taxonomy                    | ["Kitchen"]                  | taxonomy          |
        | product.name         | name (Product Name)         | Mug                          | name              |
        | product.price        | unit price, unit sale price | 8.50                         | unit_price        |
        | product.price        | unit price, unit sale price | 8.50                         | unit_sale_price   |
        | product.image_url    | product image url           | https://shop.example/mug.jpg | product_image_url |
        | product.url          | url                         | https://shop.example/mug     | url               |
        | currency             | currency                    | EUR                          | currency          |
        | order_id             | event group ID              | o-17                         | event_group_id    |

    @documented
    Scenario: All of them in one event
      When Ada does "Order Completed" with:
        | property              | value                        |
        | order_id              | o-17                         |
        | currency              | EUR                          |
        | products.0.product_id | mug                          |
        | products.0.category   | Kitchen                      |
        | products.0.name       | Mug                          |
        | products.0.price      | 8.50                         |
        | products.0.quantity   | 2                            |
        | products.0.image_url  | https://shop.example/mug.jpg |
        | products.0.url        | https://shop.example/mug     |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name             | event_group_id | currency | product_id | taxonomy    | name | unit_price | unit_sale_price | quantity | product_image_url            | url                      |
        | confirmation_page_view | o-17           | EUR      | mug        | ["Kitchen"] | Mug  | 8.50       | 8.50            | 2        | https://shop.example/mug.jpg | https://shop.example/mug |

  Rule: each product is a separate event

    @documented
    Scenario: An order of three products
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 2        |
        | tray       | 21.00 | 1        |
        | tea        | 4.00  | 3        |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name             | event_group_id | currency | product_id | unit_price | unit_sale_price | quantity |
        | confirmation_page_view | o-17           | EUR      | mug        | 8.50       | 8.50            | 2        |
        | confirmation_page_view | o-17           | EUR      | tray       | 21.00      | 21.00           | 1        |
        | confirmation_page_view | o-17           | EUR      | tea        | 4.00       | 4.00            | 3        |

  Rule: "This tracks event parameters such as tax, affiliation, revenue, shipping, discount, coupon, currency, and checkout_id"

    @documented
    Scenario Outline: <Event parameter>, <Mapping on Insider One>, stands on each product of the order
      Given order "o-17" has these details:
        | property          | value   |
        | <Event parameter> | <value> |
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
        | tray       | 21.00 | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | product_id | <parameter> |
        | confirmation_page_view | mug        | <value>     |
        | confirmation_page_view | tray       | <value>     |

      Examples: Order Completed/Purchase, event parameters
        | Event parameter | Mapping on Insider One | value     | parameter          |
        | tax             | tax                    | 4.71      | custom.tax         |
        | affiliation     | affiliation            | Main shop | custom.affiliation |
        | revenue         | revenue                | 29.50     | custom.revenue     |
        | shipping        | shipping               | 3         | custom.shipping    |
        | discount        | discount               | 2         | custom.discount    |
        | coupon          | coupon                 | SPRING    | custom.coupon      |
        | currency        | currency               | GBP       | currency           |
        | checkout_id     | checkout_id            | k-3       | custom.checkout_id |

    @observed
    Scenario: Segment's catalogue maps none of them but the currency
      Given the workspace "segment-defaults"
      And order "o-17" has these details:
        | property | value  |
        | tax      | 4.71   |
        | coupon   | SPRING |
      And Grace disables the mapping "Track Event"
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | currency | custom.tax | custom.coupon |
        | confirmation_page_view | EUR      |            |               |
