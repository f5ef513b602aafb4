"""Models for use without this project: as ONNX files with a small runner, or as programs of `torch.export`."""
