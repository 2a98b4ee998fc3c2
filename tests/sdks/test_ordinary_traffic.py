"""Ordinary traffic of a real page with analytics.js is accepted by the preset guide."""

from playwright.sync_api import expect

from sdks.guide_calls import MUG
from sdks.sdk_emulator import SdkEmulator
from sdks.sdk_senders import SDK_TIMEOUT_S, BrowserSdk

# What a visitor of a shop does, as its developer writes it down: 28 calls.
VISIT = """
mug => {
  const cart = {cart_id: 'c1', currency: 'EUR', products: [mug]}
  const order = {order_id: 'o1', ...cart, total: 17}
  analytics.page()
  analytics.page('Home')
  analytics.page('Kitchen', {search: 'mug'})
  analytics.page('Help', 'Delivery')
  analytics.track('Signup Started', {plan: 'free'})
  analytics.track('Products Searched', {query: 'mug'})
  analytics.track('Product List Viewed', {list_id: 'l1', category: 'Kitchen', products: [mug]})
  analytics.track('Product List Filtered', {list_id: 'l1', filters: ['blue'], products: [mug]})
  analytics.track('Product Clicked', mug)
  analytics.track('Product Viewed', mug)
  analytics.track('Product Added', {cart_id: 'c1', ...mug})
  analytics.track('Product Removed', {cart_id: 'c1', ...mug})
  analytics.track('Product Added to Wishlist', mug)
  analytics.track('Cart Viewed', cart)
  analytics.identify('ada', {email: 'ada@shop.example', firstName: 'Ada', lastName: 'Byron',
    phone: '+442071838750', plan: 'pro', email_optin: true, gdpr_optin: true})
  analytics.identify({plan: 'free'})
  analytics.track('User Registered')
  analytics.track('Checkout Started', order)
  analytics.track('Checkout Step Viewed', {checkout_id: 'k1', step: 1})
  analytics.track('Checkout Step Completed', {checkout_id: 'k1', step: 1})
  analytics.track('Payment Info Entered', {checkout_id: 'k1'})
  analytics.track('Coupon Applied', {coupon_id: 'x', discount: 2})
  analytics.track('Order Completed', order)
  analytics.track('Newsletter Opened')
  analytics.group('g1', {name: 'Acme', employees: 3})
  analytics.group('g1', {name: 'Acme', employees: 4})
  analytics.alias('ada-2')
  analytics.page('Thanks')
}
"""


def test_a_visit_has_no_warning_and_each_remaining_cause_is_shown_once(
    end: SdkEmulator, snippet_sdk: BrowserSdk
) -> None:
    with snippet_sdk.open_page(end.url, {}) as page:
        arrived: list[str] = []
        page.on("requestfinished", lambda asked: arrived.append(asked.method))
        page.evaluate(VISIT, MUG)
        while arrived.count("POST") < 28:
            page.wait_for_event("requestfinished", timeout=SDK_TIMEOUT_S * 1000)
        verdicts = end.list_verdicts()
        assert len(verdicts) == 28
        assert {verdict for verdict in verdicts if not verdict.startswith("not_subscribed")} == {
            "accepted"
        }
    with snippet_sdk.browser.new_context() as context:
        inspector = context.new_page()
        inspector.goto(f"{end.url}/causes")
        causes = inspector.get_by_role("region", name="2 new causes").get_by_role("listitem")
        expect(causes).to_have_count(2)
        expect(causes.filter(has_text="No mapping takes group calls")).to_contain_text("2 messages")
        expect(causes.filter(has_text="No mapping takes alias calls")).to_contain_text("1 message")
