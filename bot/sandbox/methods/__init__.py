"""The Web API's methods, by name."""

from bot.sandbox.methods import chat, conversations, files, functions, people, platform, views

METHODS = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **functions.METHODS,
    **people.METHODS,
    **platform.METHODS,
    **views.METHODS,
}
