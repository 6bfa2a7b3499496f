# CNN 프로그래밍: 컨볼루션 신경망의 유연한 구조
#
#     pyconvnet run examples/lecture/flexible_structure.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %% [markdown]
# ## 4. CNN 프로그래밍 - 구조 변경: C → C → P → dropout → FC → dropout → FC

# %%
import numpy as np
import tensorflow as tf
from tensorflow.keras.datasets import mnist
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Conv2D, MaxPooling2D, Flatten, Dense
from tensorflow.keras.layers import Dropout
from tensorflow.keras.optimizers import Adam

# %%
# NOT PRINTED: the data; they are those of lenet5.py.
# MNIST 데이터셋을 읽고 신경망에 입력할 형태로 변환
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(60000, 28, 28, 1)
x_test = x_test.reshape(10000, 28, 28, 1)
x_train = x_train.astype(np.float32)/255.0
x_test = x_test.astype(np.float32)/255.0
y_train = tf.keras.utils.to_categorical(y_train, 10)
y_test = tf.keras.utils.to_categorical(y_test, 10)

# %%
# LeNet-5 신경망 모델 설계
cnn = Sequential()
cnn.add(Conv2D(32, (3,3), activation ='relu', input_shape=(28, 28, 1)))
cnn.add(Conv2D(64, (3,3), activation='relu'))
cnn.add(MaxPooling2D(pool_size=(2,2)))
cnn.add(Dropout(0.25))
cnn.add(Flatten())
cnn.add(Dense(128, activation='relu'))
cnn.add(Dropout(0.25))
cnn.add(Dense(10, activation='softmax'))

# %%
# NOT PRINTED: the training; it is that of lenet5.py.
cnn.compile(loss='categorical_crossentropy', optimizer=Adam(),
            metrics=['accuracy'])
hist = cnn.fit(x_train, y_train, batch_size=128, epochs=30,
                validation_data=(x_test, y_test), verbose=2)

# %%
res = cnn.evaluate(x_test, y_test, verbose=0)
print('정확도는 ', res[1]*100, '%')
