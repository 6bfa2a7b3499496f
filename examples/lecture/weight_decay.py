# 딥러닝의 규제: 가중치 감쇠
#
#     pyconvnet run examples/lecture/weight_decay.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %%
# NOT PRINTED: a model to add the layer to, and random data.
import numpy as np
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense

model = Sequential()

# %% [markdown]
# ## 5. 딥러닝의 규제 - 텐서플로의 가중치 감쇠

# %%
from tensorflow.keras import regularizers

model.add(Dense(64, input_dim=64, kernel_regularizer=regularizers.l2(0.01),
               activity_regularizer=regularizers.l1(0.01)))

# %%
# NOT PRINTED: the training.
model.add(Dense(1))
model.compile(loss='mean_squared_error', optimizer='adam')
model.fit(np.random.rand(100, 64), np.random.rand(100, 1), epochs=5, verbose=2)
