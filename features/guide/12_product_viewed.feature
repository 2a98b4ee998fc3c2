Feature: 12 Product Viewed/Product Detail Page View
  "Insider One receives the track event named Product Viewed in the Ecommerce spec and registers it as
  Product Detail Page View."

  Rule: "Insider One also maps the mutual properties as the following event parameters"

    @documented
    Scenario Outline: <Property on Segment> is mapped to <Mapping on Insider One>, in <parameter>
      When Ada does "Product Viewed" with:
        | property   | value   |
        | <property> | <value> |
      Then Insider One receives exactly these events for Ada:
        | event_name               | <parameter> |
        | product_detail_page_view | <received>  |

      Examples: Product Viewed/Product Detail Page View
        | Property on Segment | Mapping on Insider One      | property   | value                        | parameter         | received                     |
        | product_id          | product ID                  | product_id | bowl                         | product_id        | bowl                         |
        | category            | taxonomy                    | category   | Kitchen                      | taxonomy          | ["Kitchen"]                  |
        | name                | name (Product Name)         | name       | Mug                          | name              | Mug                          |
        | price               | unit price, unit sale price | price      | 9.75                         | unit_price        | 9.75                         |
        | price               | unit price, unit sale price | price      | 9.75                         | unit_sale_price   | 9.75                         |
        | currency            | currency                    | currency   | EUR                          | currency          | EUR                          |
        | image_url           | product image url           | image_url  | https://shop.example/mug.jpg | product_image_url | https://shop.example/mug.jpg |
        | url                 | url                         | url        | https://shop.example/mug     | url               | https://shop.example/mug     |

    @documented
    Scenario: All of them in one event
      When Ada does "Product Viewed" with:
        | property   | value                        |
        | product_id | mug                          |
        | category   | Kitchen                      |
        | name       | Mug                          |
        | price      | 8.50                         |
        | currency   | EUR                          |
        | image_url  | https://shop.example/mug.jpg |
        | url        | https://shop.example/mug     |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name               | product_id | taxonomy    | name | unit_price | unit_sale_price | currency | product_image_url            | url                      |
        | product_detail_page_view | mug        | ["Kitchen"] | Mug  | 8.50       | 8.50            | EUR      | https://shop.example/mug.jpg | https://shop.example/mug |

    @observed
    Scenario: A category with a slash is one level of the taxonomy
      When Ada views these products:
        | product_id | category     |
        | mug        | Kitchen/Mugs |
      Then Insider One receives exactly these events for Ada:
        | event_name               | taxonomy         |
        | product_detail_page_view | ["Kitchen/Mugs"] |

    @observed
    Scenario: A list of two categories loses the event
      When Ada views these products:
        | product_id | category            |
        | mug        | ["Kitchen", "Mugs"] |
      Then the call "Product Viewed" ends as failed
      And Insider One receives no events for Ada

  Rule: "any other property within this event is registered as a custom event parameter, which you can configure under the event parameters mapping section"

    @documented
    Scenario: A property that is configured
      When Ada views these products:
        | product_id | sku    | brand   |
        | mug        | MUG-01 | Contoso |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name               | product_id | custom.sku | custom.brand |
        | product_detail_page_view | mug        | MUG-01     | Contoso      |

    @observed
    Scenario: A property that is not configured does not arrive
      When Ada views these products:
        | product_id | glaze |
        | mug        | salt  |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name               | product_id |
        | product_detail_page_view | mug        |
      And no mapping reads exactly these properties of the call "Product Viewed":
        | property         |
        | properties.glaze |
