"""
The way in for providers' webhooks: replies as Twilio and Telnyx tell them, signed, below `/hooks`.

What a provider's request is worth and what it says is pure, a module a provider; `receiving` takes the requests, and
`catch_up` reads at Twilio what never came.
"""
