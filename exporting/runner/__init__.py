"""What runs an exported model outside of this project: numpy, onnxruntime and Pillow, nothing else.

`exporting.single_file` makes one file of these modules, `run.py`, which is written beside the model. Of this project
they import each other alone.
"""
