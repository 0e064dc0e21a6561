// The page of billing: where nothing is sold, and where Stripe (a small one of the test's own) has prices and a page to pay.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import { databases, member, openBrowser, openPage, openProduct } from './stage.mjs';

let browser;

before(async () => {
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
});

/** Stripe, as far as this page asks it: customers, prices, checkout, nothing bought yet. */
async function openStripe() {
  const asked = [];
  const list = (data) => ({ object: 'list', data, has_more: false });
  const prices = [
    ['pro', 'monthly', 1200],
    ['pro', 'yearly', 12000],
    ['business', 'monthly', 4900],
    ['business', 'yearly', 49000],
  ].map(([plan, interval, unit_amount]) => ({
    id: `price_${plan}_${interval}`,
    currency: 'eur',
    unit_amount,
    lookup_key: `contactbar_${plan}_${interval}`,
    metadata: { contactbar_plan: plan, contactbar_interval: interval },
  }));
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const { pathname } = new URL(request.url, 'http://stripe');
    asked.push({ path: pathname, form: new URLSearchParams(body) });
    const answers = {
      'GET /v1/prices': list(prices),
      'POST /v1/customers': { id: 'cus_1', object: 'customer' },
      'GET /v1/customers/cus_1': { id: 'cus_1', object: 'customer', metadata: {} },
      'POST /v1/checkout/sessions': {
        id: 'cs_1',
        url: `http://127.0.0.1:${server.address().port}/pay`,
        expires_at: Math.floor(Date.now() / 1000) + 3600,
      },
    };
    if (pathname === '/pay') return response.setHeader('Content-Type', 'text/html').end('<h1>Pay here</h1>');
    const answer = answers[`${request.method} ${pathname}`] ?? list([]);
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, asked, close: () => server.close() };
}

for (const database of databases) {
  test(`without Stripe the page says that nothing is sold (${database})`, { timeout: 120_000 }, async () => {
    const product = await openProduct(database);
    const anna = await member(product);
    const page = await openPage(browser, product, { as: anna });
    await page.goto('/settings/billing');
    await page.getByText('Billing is not configured here').waitFor();
    await page.getByRole('heading', { name: 'Your plan: Self-hosted' }).waitFor();
    assert.equal(await page.getByRole('button', { name: /^Choose/ }).count(), 0);
    await accessible(page);
    assert.deepEqual(page.faults, []);
    await page.context().close();
    await product.close();
  });

  test(`a plan is chosen, and what happens at the limit (${database})`, { timeout: 120_000 }, async () => {
    const stripe = await openStripe();
    const product = await openProduct(database, {
      CONTACTBAR_STRIPE_KEY: 'sk_test_0123456789',
      CONTACTBAR_STRIPE_WEBHOOK_SECRET: 'whsec_0123456789abcdef',
      CONTACTBAR_STRIPE_URL: stripe.url,
    });
    const anna = await member(product);
    const page = await openPage(browser, product, { as: anna });
    await page.goto('/settings/billing');
    await page.getByRole('heading', { name: 'Your plan: Free' }).waitFor();
    await page.getByText('0 of 10,000 views used').waitFor();
    await page.getByText('€12.00 a month, before tax').waitFor();
    await page.getByText('There are none yet.').waitFor();
    await accessible(page);
    await page.getByText('Bars rest').click();
    await page.getByText('Saved.').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Your plan: Free' }).waitFor();
    assert.equal((await anna.call('GET', '/billing')).at_limit, 'pause');
    await page.getByText('Yearly').click();
    await page.getByText('€120.00 a year, before tax').waitFor();
    assert.deepEqual(page.faults, []);
    await page.getByRole('button', { name: 'Choose Pro' }).click();
    await page.getByRole('heading', { name: 'Pay here' }).waitFor();
    const [opened] = stripe.asked.filter(({ path }) => path === '/v1/checkout/sessions');
    assert.equal(opened.form.get('line_items[0][price]'), 'price_pro_yearly');
    assert.equal(opened.form.get('subscription_data[trial_period_days]'), '14');
    await page.context().close();

    const german = await openPage(browser, product, { as: anna, language: 'de', phone: true });
    await german.goto('/settings/billing');
    await german.getByRole('heading', { name: /^(Ihr Tarif: Kostenlos|Your plan: Free)$/ }).waitFor();
    await accessible(german);
    await german.context().close();
    await product.close();
    stripe.close();
  });
}
