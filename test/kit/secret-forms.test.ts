import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findSecretValues, maskSecrets, maskText, namesSecret } from '../../src/kit/secret-forms.js'

const hidden = 'hunter2hunter2'

describe('maskText', () => {
  it.each([
    [`https://bot:${hidden}@git.example/x`, 'https://[secret]@git.example/x'],
    [`https://${hidden}@git.example/x`, 'https://[secret]@git.example/x'],
    [`https://bot:hunter2@hunter2@git.example`, 'https://[secret]@git.example'],
    [`vllm serve --api-key ${hidden} --port 8000`, 'vllm serve --api-key [secret] --port 8000'],
    [`HF_TOKEN=${hidden} vllm serve`, 'HF_TOKEN=[secret] vllm serve'],
    [`https://x.example/?token=${hidden}&page=2`, 'https://x.example/?token=[secret]&page=2'],
    [`Authorization: Bearer ${hidden}`, 'Authorization: Bearer [secret]'],
    [`hf_${hidden}${hidden}`, '[secret]'],
    [`xoxb-${hidden}`, '[secret]'],
    [`sk-${hidden}${hidden}`, '[secret]'],
    [`a -----BEGIN RSA PRIVATE KEY-----\n${hidden}\n-----END RSA PRIVATE KEY----- b`, 'a [secret] b'],
    [`-----BEGIN PRIVATE KEY-----\n${hidden}`, '[secret]'],
  ])('of %j leaves %j', (text, masked) => {
    expect(maskText(text)).toBe(masked)
    expect(maskText(masked)).toBe(masked)
  })

  it.each([
    'vllm serve --max-num-batched-tokens 8192 --api-key $(API_KEY)',
    'sum(rate(vllm:num_requests_running{model_name="chat", token=~"a.*"}[5m]))',
    '--secret-name=db AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/token',
    '{"url":"https://example.com","mail":"ada@example.com"}',
    'al2023@v20260901',
  ])('leaves %j as it is', (text) => {
    expect(maskText(text)).toBe(text)
  })

  it('takes out what it is given, the longest first', () => {
    expect(maskText('abcdefgh-long and abcdefgh', ['abcdefgh', 'abcdefgh-long'])).toBe(
      '[secret] and [secret]',
    )
  })
})

describe('maskSecrets', () => {
  it.each([
    [{ password: hidden }],
    [{ auth: { clientSecret: hidden } }],
    [{ passwords: [hidden, 'other words'] }],
    [{ env: [{ name: 'HF_TOKEN', value: hidden }] }],
    [{ args: ['--api-key', hidden, '--port', '8000'] }],
    [{ args: [`--api-key=${hidden}`] }],
    [{ command: ['sh', '-c', `vllm serve --api-key ${hidden}`] }],
    [{ serverAddress: `https://bot:${hidden}@prometheus.example` }],
    [{ kind: 'Secret', data: { anything: hidden }, stringData: { more: hidden } }],
  ])('hides the secret of %j', (value) => {
    const text = JSON.stringify(maskSecrets(value))
    expect(text).not.toContain('hunter2')
    expect(text).toContain('[secret]')
  })

  it('leaves all else as it is, whatever its form', () => {
    const value = {
      automountServiceAccountToken: false,
      env: [{ name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: 'hugging-face', key: 'token' } } }],
      args: ['--max-num-batched-tokens', '8192', '--api-key', '$(API_KEY)'],
      volumes: [{ name: 'tls', secret: { secretName: 'tls' } }],
      replicas: 3,
      nothing: null,
    }
    expect(maskSecrets(value)).toEqual(value)
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(maskSecrets(maskSecrets(json))).toEqual(maskSecrets(json))
      }),
    )
  })
})

describe('names of secrets', () => {
  it('are told from names of other things', () => {
    const secret = ['HF_TOKEN', 'PGPASSWORD', 'DB_PASS', 'api-key', 'clientSecret', 'OPENAI_API_KEYS']
    const other = [
      'PWD',
      'max-num-batched-tokens',
      'AWS_WEB_IDENTITY_TOKEN_FILE',
      'secretName',
      'topologyKey',
      'bypass',
    ]
    expect(secret.filter((name) => !namesSecret(name))).toEqual([])
    expect(other.filter(namesSecret)).toEqual([])
  })

  it('give values of variables', () => {
    const variables = { GIT_TOKEN: hidden, API_KEY: 'short', PATH: '/usr/local/bin', NPM_TOKEN: undefined }
    expect(findSecretValues(variables)).toEqual([hidden])
  })
})
