# PART 3 합성곱 신경망(CNN), 2장. 코딩편
#
#     pyconvnet run examples/lecture/part3_cnn.py
#     pyconvnet run --max-epochs 1 examples/lecture/part3_cnn.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed.

# %% [markdown]
# ## 1.1 Min-Max Normalization 데이터 정규화 작업

# %%
import tensorflow as tf
print(tf.__version__)

# %%
fashion_mnist = tf.keras.datasets.fashion_mnist
(train_X, train_Y), (test_X, test_Y) = fashion_mnist.load_data()

# %%
print(len(train_X), len(test_X))

# %%
import matplotlib.pyplot as plt
plt.imshow(train_X[2], cmap = 'pink')
plt.colorbar()
plt.show()

# %%
# 정답 범주 확인
print("정답 범주 : ", train_Y[2])

# %%
print(train_X[2])

# %%
train_X = train_X / 255.0
test_X = test_X / 255.0

# %%
print(train_X[2])

# %% [markdown]
# ## 1.2 다층 퍼셉트론에서의 이미지 처리

# %%
model = tf.keras.Sequential([
    tf.keras.layers.Flatten(input_shape = (28,28)),
    tf.keras.layers.Dense(units=128,activation='relu'),
    tf.keras.layers.Dense(units=10, activation='softmax')
])

# %%
model.compile(optimizer = tf.keras.optimizers.Adam() ,
              loss = 'sparse_categorical_crossentropy' ,
              metrics = ['accuracy'])

# %%
model.summary()

# %%
history = model.fit(train_X, train_Y,
                    epochs = 500,
                    validation_split = 0.25,
                    callbacks = [tf.keras.callbacks.EarlyStopping
(patience=5, monitor='val_loss')])

# %%
import matplotlib.pyplot as plt
plt.figure(figsize = (12,4))

plt.subplot(1,2,1)
plt.plot(history.history['loss'],'b-',label = 'loss')
plt.plot(history.history['val_loss'],'r--',label = 'val_loss')
plt.xlabel('Epoch')
plt.legend()
plt.show()

# %%
plt.subplot(1,2,2)
plt.plot(history.history['accuracy'],'g-',label = 'acc')
plt.plot(history.history['val_accuracy'],'k--',label = 'val_acc')
plt.xlabel('Epoch')
plt.legend()
plt.show()

# %%
model.evaluate(test_X, test_Y)

# %%
#예측 수행
pred_X = model.predict(test_X[[1]])

# %%
#예측 이미지 확인
plt.imshow(test_X[1], cmap = 'pink')
plt.show()

# %%
#예측 결과 확인
print(pred_X+1)
print("예측 수행 범주 :", test_Y[1])

# %% [markdown]
# ## 1.3 첫 번째 실험 - 합성곱 계층만 활용

# %%
print(train_X.shape, test_X.shape)
train_X = train_X.reshape(-1, 28, 28, 1)
test_X = test_X.reshape(-1, 28, 28, 1)
print(train_X.shape, test_X.shape)

# %%
import matplotlib.pyplot as plt
plt.figure(figsize=(10,10))
for i in range(16):
    plt.subplot(4,4,i+1)
    plt.imshow(train_X[i].reshape(28,28), cmap='pink')
plt.show()

# %%
print(train_Y[:16])

# %%
model= tf.keras.Sequential([
    tf.keras.layers.Conv2D(input_shape=(28,28,1),kernel_size=(3,3),
                           filters=16, strides = (1,1),padding = 'valid'),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters=32),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters=64),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(units=128, activation = 'relu'),
    tf.keras.layers.Dense(units=10, activation = 'softmax')
])

# %%
model.compile(optimizer = tf.keras.optimizers.Adam() ,
              loss = 'sparse_categorical_crossentropy' ,
              metrics = ['accuracy'])

# %%
model.summary()

# %%
history = model.fit(train_X, train_Y,
                    epochs=500,
                    validation_split=0.25,
                    callbacks = [tf.keras.callbacks.EarlyStopping
                                (patience = 5, monitor = 'val_loss')])

# %%
plt.figure(figsize = (12,4))
plt.subplot(1,2,1)
plt.plot(history.history['loss'],'b-',label = 'loss')
plt.plot(history.history['val_loss'],'r--',label = 'val_loss')
plt.xlabel('Epoch')
plt.legend()

plt.subplot(1,2,2)
plt.plot(history.history['accuracy'],'g-',label = 'acc')
plt.plot(history.history['val_accuracy'],'k--',label = 'val_acc')
plt.xlabel('Epoch')
plt.legend()

plt.show()

# %%
model.evaluate(test_X, test_Y)

# %% [markdown]
# ## 1.4 두 번째 실험 - 합성곱, 풀링, 드롭아웃 활용

# %%
model= tf.keras.Sequential([
    tf.keras.layers.Conv2D(input_shape=(28,28,1),kernel_size=(3,3),filters=32),
    tf.keras.layers.MaxPool2D(strides = (2,2),pool_size=(2,2)),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters = 64),
    tf.keras.layers.AvgPool2D(strides = (2,2)),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters=128),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(units=128, activation = 'relu'),
    tf.keras.layers.Dropout(rate = 0.3),
    tf.keras.layers.Dense(units=10, activation = 'softmax')
])

# %%
model.compile(optimizer = tf.keras.optimizers.Adam(),
              loss = 'sparse_categorical_crossentropy',
              metrics = ['accuracy'])

# %%
model.summary()

# %%
history = model.fit(train_X, train_Y,
                    epochs = 500,
                    validation_split=0.25,
                    callbacks = [tf.keras.callbacks.EarlyStopping
                                (patience = 5, monitor = 'val_loss')])

# %%
plt.figure(figsize = (12,4))
plt.subplot(1,2,1)
plt.plot(history.history['loss'],'b-',label = 'loss')
plt.plot(history.history['val_loss'],'r--',label = 'val_loss')
plt.xlabel('Epoch')
plt.legend()
plt.subplot(1,2,2)
plt.plot(history.history['accuracy'],'g-',label = 'acc')
plt.plot(history.history['val_accuracy'],'k--',label = 'val_acc')
plt.xlabel('Epoch')
plt.legend()
plt.show()

# %%
model.evaluate(test_X, test_Y)

# %% [markdown]
# ## 1.5 세 번째 실험 - VGGNet 스타일 적용

# %%
model= tf.keras.Sequential([
    tf.keras.layers.Conv2D(input_shape=(28,28,1),kernel_size=(3,3),filters=32,
        padding='same',activation='relu'),
    tf.keras.layers.Conv2D(input_shape=(28,28,1),kernel_size=(3,3),filters=64,
        padding='same',activation='relu'),
    tf.keras.layers.MaxPool2D(strides = (2,2)),
    tf.keras.layers.Dropout(rate=0.5),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters = 128, padding='same', activation='relu'),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters = 256, padding = 'valid', activation='relu'),
    tf.keras.layers.MaxPool2D(strides = (2,2)),
    tf.keras.layers.Dropout(rate=0.5),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(units=512, activation = 'relu'),
    tf.keras.layers.Dropout(rate = 0.5),
    tf.keras.layers.Dense(units=256, activation = 'relu'),
    tf.keras.layers.Dropout(rate = 0.5),
    tf.keras.layers.Dense(units=10, activation = 'softmax')
])

# %%
model.compile(optimizer = tf.keras.optimizers.Adam() ,
              loss = 'sparse_categorical_crossentropy' ,
              metrics = ['accuracy'])

model.summary()

# %%
history = model.fit(train_X, train_Y,
                    epochs=500,
                    validation_split=0.25,
                    callbacks = [tf.keras.callbacks.EarlyStopping
                                (patience = 5, monitor = 'val_loss')])

# %%
plt.figure(figsize = (12,4))
plt.subplot(1,2,1)
plt.plot(history.history['loss'],'b-',label = 'loss')
plt.plot(history.history['val_loss'],'r--',label = 'val_loss')
plt.xlabel('Epoch')
plt.legend()
plt.subplot(1,2,2)
plt.plot(history.history['accuracy'],'g-',label = 'acc')
plt.plot(history.history['val_accuracy'],'k--',label = 'val_acc')
plt.xlabel('Epoch')
plt.legend()
plt.show()

# %%
model.evaluate(test_X, test_Y)

# %% [markdown]
# ## 1.6 네 번째 실험 - VGGNet + 이미지 보강

# %%
from tensorflow.keras.preprocessing.image import ImageDataGenerator
import numpy as np

# %%
image_generator = ImageDataGenerator(
    rotation_range = 10,
    zoom_range = 0.10,
    shear_range = 0.5,
    width_shift_range = 0.10,
    height_shift_range = 0.10,
    horizontal_flip = True,
    vertical_flip = False)

# %%
augment_size = 100 #한번에 생성할 이미지의 수

#np.tile() : A를 reps에 정해진 형식만큼 반복
x_augment = image_generator.flow(x = np.tile(A = train_X[0].reshape(28*28),
                                         reps = 100).reshape(-1,28,28,1),
                                y = np.zeros(augment_size), #라벨값은 딱히 줄 필요 없기에 np.zeros() 할당
                                batch_size = augment_size, #배치 사이즈
                                shuffle = False).next()[0] #next()로서 실제 값을 꺼냄.

# %%
# ERRATUM: x_augmented_1 is printed here, before x_augmented exists; the cell stands below, after x_augmented is made.

# %%
#이미지 보강 확인
plt.figure(figsize=(10,10))
for i in range(100):          # 각각 반복하여 이미지를 출력
    plt.subplot(10,10,i+1)
    plt.axis('off')           # 축에 대한 정보 끄기
    plt.imshow(x_augment[i].reshape(28,28), cmap='pink') # 차원수를 reshape()으로 재조정하여 출력
plt.show()

# %%
image_generator = ImageDataGenerator(
    rotation_range = 10,
    zoom_range = 0.10,
    shear_range = 0.5,
    width_shift_range = 0.10,
    height_shift_range = 0.10,
    horizontal_flip = True,
    vertical_flip = False)

augment_size = 30000

# 원본 이미지 무작위 선택 및 데이터 복사
x_choice = np.random.choice(train_X.shape[0], size = augment_size, replace=False)
x_augmented = train_X[x_choice].copy()
y_augmented = train_Y[x_choice].copy()

# 이미지를 변형할 원본 이미지를 찾기 위한 함수 예제 (중복허용o / 중복허용x)
print(np.random.randint(train_X.shape[0], size = augment_size))
print(np.random.choice(train_X.shape[0], size = augment_size, replace=False))

# %%
# 보강 이미지 데이터 생성
x_augmented = image_generator.flow(x = x_augmented,
                                     y = np.zeros(augment_size),
                                     batch_size = augment_size,
                                     shuffle = False).next()[0]

# %%
# ERRATUM: moved here from above.
x_augmented_1 = image_generator.flow(x = x_augmented,
                                     y = np.zeros(augment_size),
                                     batch_size = augment_size,
                                     shuffle = False).next()[1]
print(x_augmented.shape)
print(x_augmented_1.shape)

# %%
#보강 이미지 확인
plt.figure(figsize=(10,10))
for i in range(100):
    plt.subplot(10,10,i+1)
    plt.axis('off')
    plt.imshow(x_augmented[i].reshape(28,28), cmap='pink')
plt.show()

# %%
#데이터 합쳐주기
train_X = np.concatenate((train_X,x_augmented))
train_Y = np.concatenate((train_Y,y_augmented))

# %%
#보강 데이터 결합 확인
print(train_X.shape)

# %%
model = tf.keras.Sequential([
    tf.keras.layers.Conv2D(input_shape=(28,28,1),kernel_size=(3,3),
                           filters=32,padding='same',activation='relu'),
    tf.keras.layers.Conv2D(input_shape=(28,28,1),kernel_size=(3,3),
                           filters=64,padding='same',activation='relu'),
    tf.keras.layers.MaxPool2D(strides = (2,2)),
    tf.keras.layers.Dropout(rate=0.5),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters = 128, padding='same', activation='relu'),
    tf.keras.layers.Conv2D(kernel_size=(3,3),filters = 256, padding = 'valid', activation='relu'),
    tf.keras.layers.MaxPool2D(strides = (2,2)),
    tf.keras.layers.Dropout(rate=0.5),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(units=512, activation = 'relu'),
    tf.keras.layers.Dropout(rate = 0.5),
    tf.keras.layers.Dense(units=256, activation = 'relu'),
    tf.keras.layers.Dropout(rate = 0.5),
    tf.keras.layers.Dense(units=10, activation = 'softmax')
])

# %%
model.compile(optimizer = tf.keras.optimizers.Adam(),
              loss = 'sparse_categorical_crossentropy',
              metrics = ['accuracy'])

# %%
history = model.fit(train_X, train_Y,
                    epochs=500,
                    validation_split=0.25,
                    callbacks = [tf.keras.callbacks.EarlyStopping
                                (patience = 10 , monitor = 'val_loss')])

# %%
plt.figure(figsize = (12,4))
plt.subplot(1,2,1)
plt.plot(history.history['loss'],'b-',label = 'loss')
plt.plot(history.history['val_loss'],'r--',label = 'val_loss')
plt.xlabel('Epoch')
plt.legend()
plt.subplot(1,2,2)
plt.plot(history.history['accuracy'],'g-',label = 'acc')
plt.plot(history.history['val_accuracy'],'k--',label = 'val_acc')
plt.xlabel('Epoch')
plt.legend()
plt.show()

# %%
model.evaluate(test_X, test_Y)

# %%
pred_X = model.predict(test_X[[1]])
#예측 이미지 확인
plt.imshow(test_X[1].reshape(28,28), cmap = 'pink')
plt.show()

# %%
#예측 결과 확인
print(pred_X+1)
print("예측 수행 범주 :", test_Y[1])
