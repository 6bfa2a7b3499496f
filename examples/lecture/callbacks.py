# TensorFlow Callback: ModelCheckpoint, EarlyStopping
#
#     pyconvnet run examples/lecture/callbacks.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %%
# NOT PRINTED: the imports, the data and the training that the exercise asks for.
from tensorflow.keras.layers import Flatten, Dense, Dropout
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import SGD

# %%
from tensorflow.keras.datasets import fashion_mnist

(x_train, t_train), (x_test, t_test) = fashion_mnist.load_data()
x_train = x_train / 255.0

# %%
model = Sequential() # model 생성

model.add(Flatten(input_shape=(28, 28, 1)))

model.add(Dense(100, activation='relu'))

model.add(Dropout(0.25)) # Dropout() 추가

model.add(Dense(10, activation='softmax'))

# %%
# ERRATUM: the loss 'sparse_categorical_entropy' of the exercise is 'sparse_categorical_crossentropy'.
model.compile(optimizer=SGD(learning_rate=0.1), loss='sparse_categorical_crossentropy', metrics=['accuracy'])

# %%
from tensorflow.keras.callbacks import ModelCheckpoint
file_path = './modelchpoint_test.h5'
                                            # 저장할 file path
checkpoint = ModelCheckpoint(file_path, # 저장할 file path
                        monitor='val_loss', # val_loss 값이 개선되었을때 호출
                        verbose=1, # log 출력
                        save_best_only=True, # best 값만 저장
                        mode='auto') # auto는 자동으로 best를 찾음
hist = model.fit(x_train, t_train,
              epochs=50, validation_split=0.2,
              callbacks=[checkpoint])

# %%
# ERRATUM: verbose=1. stands where verbose=1, is meant.
from tensorflow.keras.callbacks import ModelCheckpoint, EarlyStopping
file_path = './modelchpoint_test.h5'
                                       # 저장할 file path
checkpoint = ModelCheckpoint(file_path, # 저장할 file path
                        monitor='val_loss', # val_loss 값이 개선되었을때 호출
                        verbose=1, # log 출력
                        save_best_only=True, # best 값만 저장
                        mode='auto') # auto는 자동으로 best를 찾음
stopping = EarlyStopping(monitor='val_loss', # 관찰대상은 val_loss'
                    patience=5)
                                          #5 epoch 동안 개선되지 않으면 조기종료
hist = model.fit(x_train, t_train,
              epochs=50, validation_split=0.2,
              callbacks=[checkpoint, stopping])
