# Flatten / Dense / Dropout / BatchNormalization
#
#     pyconvnet run examples/lecture/dropout.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %%
# NOT PRINTED: the imports.
import matplotlib.pyplot as plt
from tensorflow.keras.layers import BatchNormalization, Dense, Dropout, Flatten
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import SGD

# %% [markdown]
# ## Fashion MNIST Example
#
# MNIST Example 에서 다음과 같이 변경하여 정확도와 오버피팅을 MNIST와 비교하시오

# %%
from tensorflow.keras.datasets import fashion_mnist

fashion_mnist.load_data()

# %%
# NOT PRINTED: MNIST beside it, and the network without Dropout on both.
from tensorflow.keras.datasets import mnist

plt.figure(figsize=(10,4))
for number, (name, data) in enumerate([('MNIST', mnist), ('Fashion MNIST', fashion_mnist)], 1):
    (x_train, t_train), (x_test, t_test) = data.load_data()
    model = Sequential()
    model.add(Flatten(input_shape=(28, 28)))
    model.add(Dense(100, activation='relu'))
    model.add(Dense(10, activation='softmax'))
    model.compile(optimizer=SGD(learning_rate=0.1), loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    hist = model.fit(x_train / 255.0, t_train, epochs=50, validation_split=0.2, verbose=2)
    plt.subplot(1, 2, number)
    plt.title(name)
    plt.plot(hist.history['loss'], label='loss')
    plt.plot(hist.history['val_loss'], label='val_loss')
    plt.legend()
plt.show()

# %% [markdown]
# ## Flatten / Dense / Dropout / BatchNormalization

# %%
model = Sequential() # model 생성

model.add(Flatten(input_shape=(28, 28, 1)))

model.add(Dense(100, activation='relu'))

model.add(Dropout(0.25)) # Dropout() 추가

model.add(Dense(10, activation='softmax'))

# %% [markdown]
# ## Self Study 1
#
# MNIST 에 대해서 SGD(), loss='sparse_categorical_entropy', epochs=50 환경에서 Dropout(..) 비율을 0.25, 0.5, 0.75
# 등으로 변경하여 오버피팅을 확인하시오

# %%
# ERRATUM: the loss 'sparse_categorical_entropy' is 'sparse_categorical_crossentropy'.
# NOT PRINTED: the training.
(x_train, t_train), (x_test, t_test) = mnist.load_data()
x_train = x_train / 255.0
histories = {}
for rate in (0.25, 0.5, 0.75):
    model = Sequential()
    model.add(Flatten(input_shape=(28, 28, 1)))
    model.add(Dense(100, activation='relu'))
    model.add(Dropout(rate))
    model.add(Dense(10, activation='softmax'))
    model.compile(optimizer=SGD(), loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    histories[f'Dropout({rate})'] = model.fit(x_train, t_train, epochs=50, validation_split=0.2, verbose=2)

# %% [markdown]
# ## Self Study 2
#
# MNIST 에 대해서 Dropout(...) 아닌 BatchNormalization() 레이어를 이용하여 후 학습하시오

# %%
# NOT PRINTED: the network and the training.
model = Sequential()
model.add(Flatten(input_shape=(28, 28, 1)))
model.add(Dense(100, activation='relu'))
model.add(BatchNormalization())
model.add(Dense(10, activation='softmax'))
model.compile(optimizer=SGD(), loss='sparse_categorical_crossentropy', metrics=['accuracy'])
histories['BatchNormalization()'] = model.fit(x_train, t_train, epochs=50, validation_split=0.2, verbose=2)

# %%
# NOT PRINTED: the pictures.
plt.figure(figsize=(16,3))
for number, (name, hist) in enumerate(histories.items(), 1):
    plt.subplot(1, 4, number)
    plt.title(name)
    plt.plot(hist.history['loss'], label='loss')
    plt.plot(hist.history['val_loss'], label='val_loss')
    plt.legend()
plt.show()
