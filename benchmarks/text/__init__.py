"""The text path: prompts rendered, an instant scripted model asked, every visit kept, against three other ways."""
