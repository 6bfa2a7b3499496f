# CNN 프로그래밍: 자연영상 인식, 학습된 모델 저장과 재활용
#
#     pyconvnet run examples/lecture/cifar10.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %% [markdown]
# ## 4. CNN 프로그래밍 - 자연영상 인식

# %%
import numpy as np
import tensorflow as tf
from tensorflow.keras.datasets import cifar10
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Conv2D, MaxPooling2D, Flatten, Dense
from tensorflow.keras.layers import Dropout
from tensorflow.keras.optimizers import Adam

# %%
# CIFAR-10 데이터셋을 읽고 신경망에 입력할 형태로 변환
(x_train, y_train), (x_test, y_test) = cifar10.load_data()
x_train = x_train.astype(np.float32)/255.0
x_test = x_test.astype(np.float32)/255.0
y_train = tf.keras.utils.to_categorical(y_train, 10)
y_test = tf.keras.utils.to_categorical(y_test, 10)

# %%
# CIFAR10 신경망 모델
cnn = Sequential()
cnn.add(Conv2D(32, (3,3), activation='relu', input_shape=(32, 32, 3)))
cnn.add(Conv2D(32, (3,3), activation='relu'))
cnn.add(MaxPooling2D(pool_size=(2,2)))
cnn.add(Dropout(0.25))
cnn.add(Conv2D(64, (3,3), activation='relu'))
cnn.add(Conv2D(64, (3,3), activation='relu'))
cnn.add(MaxPooling2D(pool_size=(2,2)))
cnn.add(Dropout(0.25))
cnn.add(Flatten())
cnn.add(Dense(512, activation='relu'))
cnn.add(Dropout(0.5))
cnn.add(Dense(10, activation='softmax'))

# %%
# 신경망 모델 학습
cnn.compile(loss='categorical_crossentropy', optimizer=Adam(),
            metrics=['accuracy'])
hist = cnn.fit(x_train, y_train, batch_size=128, epochs=30,
                validation_data=(x_test, y_test), verbose=2)

# %%
# 신경망 모델 정확률 평가
res = cnn.evaluate(x_test, y_test, verbose=0)
print('정확도는 ', res[1]*100, '%')

# %%
import matplotlib.pyplot as plt

# 정확률 그래프
plt.plot(hist.history['accuracy'])
plt.plot(hist.history['val_accuracy'])
plt.title('Model Accuracy')
plt.xlabel('Epoch')
plt.ylabel('Accuracy')
plt.legend(['Train', 'Validation'], loc='best')
plt.grid()
plt.show()

# %%
# 손실함수 그래프
plt.plot(hist.history['loss'])
plt.plot(hist.history['val_loss'])
plt.title('Model Loss')
plt.xlabel('Epoch')
plt.ylabel('Loss')
plt.legend(['Train', 'Validation'], loc='best')
plt.grid()
plt.show()

# %% [markdown]
# ## 4. CNN 프로그래밍 - 학습된 모델 저장과 재활용

# %%
cnn.save('my_cnn.h5')

# %%
# NOT PRINTED: in Colab this folder is there once Google Drive is mounted.
import os
os.makedirs('drive/MyDrive/Colab Notebooks', exist_ok=True)

# %%
cnn.save('drive/MyDrive/Colab Notebooks/my_cnn.h5')

# %%
import numpy as np
import tensorflow as tf
from tensorflow.keras.datasets import cifar10

# 신경망 구조와 가중치를 저장하고 있는 파일을 읽어옴
cnn = tf.keras.models.load_model('drive/MyDrive/Colab Notebooks/my_cnn.h5')
cnn.summary()

# CIFAR-10 데이터셋을 읽고 신경망에 입력할 형태로 변환
(x_train, y_train), (x_test, y_test) = cifar10.load_data()
x_train = x_train.astype(np.float32)/255.0
x_test = x_test.astype(np.float32)/255.0
y_train = tf.keras.utils.to_categorical(y_train, 10)
y_test = tf.keras.utils.to_categorical(y_test, 10)

# %%
res = cnn.evaluate(x_test, y_test, verbose=0)
print('정확도는 ', res[1]*100, '%')
