// A change of the privacy policy: on every page, answered in the dashboard and by a mail's link, and on record.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import { databases, linkIn, member, openBrowser, openPage, openProduct, until } from './stage.mjs';

const change = (key, purpose, rest, en, de) => `[[changes]]
key = "${key}"
purpose = "${purpose}"
material = true
${rest}
title = { en = "${en}", de = "${de}" }
summary = { en = "What it means, in a sentence.", de = "Was es heißt, in einem Satz." }
`;
const DRAFT = `+++
title = "Privacy policy"
${change('benchmarks', 'benchmarking', 'per_account = true', 'Benchmarks by industry', 'Vergleichswerte')}
${change('news', 'promotion', 'marketing = true', 'News about what is new', 'Neuigkeiten')}
${change('partner', 'transfer', '', 'Support by a partner', 'Support durch einen Partner')}
+++
# Privacy policy

The second version.
`;

const products = {};
let browser;

before(async () => {
  for (const database of databases) products[database] = await openProduct(database);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const product of Object.values(products)) await product.close();
});

/** Two members, and then a version that concerns them: posted once for each product. */
async function posted(product) {
  const anna = await member(product);
  const bruno = await member(product, { language: 'de', name: 'Brunos Räder' });
  await bruno.call('PATCH', `/members/${bruno.session.member.member_id}`, { language: 'de' });
  const file = join(product.folder, 'privacy.md');
  await writeFile(file, DRAFT);
  const drafted = await product.run('policy', 'draft', 'privacy', file);
  assert.match(drafted, /Support by a partner \[transfer\], an objection ends the account/);
  assert.match(await product.run('policy', 'diff', 'privacy'), /^\+ The second version\.$/m);
  await assert.rejects(product.run('policy', 'post', 'privacy'), /say --yes/);
  assert.match(await product.run('policy', 'post', 'privacy', '--yes'), /Mails queued for 2 accounts/);
  const mails = [];
  for (const { email } of [anna, bruno]) mails.push(await product.mail(email, '/objection/'));
  await until('the version to be sent', async () =>
    (await product.run('policy', 'status')).includes('delivered to 2'),
  );
  return { anna, bruno, mails };
}

const part = (page, name) => page.getByRole('region', { name }).last();
const banner = (page) => page.getByRole('status').filter({ hasText: /privacy policy|Datenschutzhinweise/ });

for (const database of databases) {
  test(`a change is shown on every page, answered by owners, and kept (${database})`, {
    timeout: 180_000,
  }, async () => {
    const product = products[database];
    const { anna, bruno, mails } = await posted(product);
    const page = await openPage(browser, product, { as: anna });
    for (const path of ['/bars', '/contacts', '/settings/profile']) {
      await page.goto(path);
      await banner(page).getByText('Our privacy policy changes.').waitFor();
      await banner(page)
        .getByText(/You can object until/)
        .waitFor();
    }
    await accessible(page, 'the banner');
    await page.getByRole('link', { name: 'See what changes' }).click();
    await page.getByRole('heading', { name: 'Privacy policy, version 2' }).waitFor();
    assert.equal(await banner(page).count(), 0, 'not on its own page');
    await accessible(page, 'the changes');

    await part(page, 'Benchmarks by industry').getByRole('button', { name: 'Accept' }).click();
    await part(page, 'Benchmarks by industry').getByText('Accepted').waitFor();
    await part(page, 'News about what is new').getByRole('button', { name: 'Opt out' }).click();
    await part(page, 'News about what is new').getByText('Opted out').waitFor();

    // What will happen is said before it is confirmed.
    await part(page, 'Support by a partner').getByText('your account ends after 30 days').waitFor();
    await part(page, 'Support by a partner').getByRole('button', { name: 'Object' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('everything is deleted for good').waitFor();
    await accessible(page, 'the question');
    assert.ok(await dialog.getByRole('button', { name: 'Object and end the account' }).isDisabled());
    await dialog.getByRole('textbox').fill('Harbour Cycles');
    await dialog.getByRole('button', { name: 'Object and end the account' }).click();
    await page.getByText(/Because of an objection the account ends on/).waitFor();
    await page.getByText(/Harbour Cycles ends on/).waitFor();
    assert.match(await product.run('policy', 'status'), /1 end by an objection/);
    await part(page, 'Support by a partner').getByRole('button', { name: 'Take the objection back' }).click();
    await page.getByText(/Harbour Cycles ends on/).waitFor({ state: 'detached' });

    // On record, and with a receipt that the operator can verify.
    const history = page.getByRole('list', { name: 'What you said' });
    await history.getByText('Took the objection back: Privacy policy, version 2, partner').waitFor();
    await history.getByText('Opted out: Privacy policy, version 2, news').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download the receipt' }).click(),
    ]);
    const receipt = join(product.folder, 'receipt.json');
    await download.saveAs(receipt);
    assert.match(await product.run('policy', 'verify', receipt), /ours and unchanged/);
    const forged = (await readFile(receipt, 'utf8')).replace('"opt_out"', '"accept"');
    await writeFile(receipt, forged);
    await assert.rejects(product.run('policy', 'verify', receipt), /not ours/);
    await page.reload();
    await page.getByRole('heading', { name: 'Privacy policy, version 2' }).waitFor();
    assert.deepEqual(page.faults, []);
    await page.context().close();

    // The same in German.
    const german = await openPage(browser, product, { as: bruno, language: 'de' });
    await german.goto('/settings/policies');
    await german.getByRole('heading', { name: 'Datenschutzhinweise, Version 2' }).waitFor();
    await part(german, 'Vergleichswerte').getByRole('button', { name: 'Widersprechen' }).click();
    await part(german, 'Vergleichswerte').getByText('Widersprochen').waitFor();
    await german.getByText('Ihre Antwort ist notiert.').waitFor();
    await accessible(german, 'the changes in German');
    assert.deepEqual(german.faults, []);
    await german.context().close();

    // The mail's link: without a log-in, in both languages; it asks, and says what will happen.
    const words = [
      ['Support by a partner', 'Object', 'Object and end the account', 'You have objected to this.'],
      [
        'Support durch einen Partner',
        'Widersprechen',
        'Widersprechen und das Konto beenden',
        'Sie haben dem widersprochen.',
      ],
    ];
    for (const [at, [title, object, sure, done]] of words.entries()) {
      const anybody = await openPage(browser, product, at === 1 ? { as: bruno } : {});
      await anybody.goto(linkIn(mails[at], '/objection/'));
      await anybody.getByRole('heading', { name: title }).waitFor();
      await accessible(anybody, `the link's page, ${title}`);
      await anybody.getByRole('button', { name: object, exact: true }).last().click();
      await accessible(anybody, `the link's question, ${title}`);
      await anybody.getByRole('button', { name: sure }).click();
      await anybody.getByText(done).first().waitFor();
      assert.deepEqual(anybody.faults, []);
      await anybody.context().close();
    }
    assert.match(await product.run('policy', 'status'), /2 end by an objection/);
  });
}
