"""Says which version of packaging the runtime has."""

import packaging

print("Hello with packaging", packaging.__version__)
